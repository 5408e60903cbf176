"""Whether single dimensions of a code stand for single known factors of the data."""
