"""What happens to each concept before a release: tokens, coarser values, or nothing."""
