"""Other systems on the work of Workload A."""
