"""Three nights of a synthetic county through the real scheduler, in one command."""
