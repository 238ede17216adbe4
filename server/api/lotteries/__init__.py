"""HTTP calls of lotteries: prizes by published odds."""
