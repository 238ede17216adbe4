"""Pages on which a student gets and uses coupons outside a room: links, lotteries, wallet and checkout."""
