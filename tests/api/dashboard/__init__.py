"""The dashboard's doors: sessions, forms, roles and errors."""
