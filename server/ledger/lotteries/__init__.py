"""SQL of lotteries: prizes by published odds."""
