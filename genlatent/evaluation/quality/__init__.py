"""How much samples look like the data: with other people's yardsticks, but without anybody's downloaded network."""
