"""Use cases of lotteries: prizes by published odds."""
