"""Published figures, reproduced: what is trained, how it is judged, what was published, and the record of it."""
