"""Rules of lotteries: prizes by published odds."""
