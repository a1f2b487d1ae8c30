"""Files as tables of text cells: encoding, delimiter, header, rows; text, JSON and workbooks."""
