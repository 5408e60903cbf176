"""What a model is good for: finding outliers, filling gaps, taking noise away."""
