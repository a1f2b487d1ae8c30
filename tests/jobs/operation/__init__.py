"""What the processes say, and do, when something about them is wrong."""
