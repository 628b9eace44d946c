"""Analytics: facts folded into rollups exactly once, and the questions they answer."""
