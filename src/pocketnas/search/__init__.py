"""Searchers behind ask and tell, rewards and the Pareto set."""
