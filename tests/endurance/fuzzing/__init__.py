"""Bad files by the hundred thousand: how they are made, what reads them, and the processes that it happens in."""
