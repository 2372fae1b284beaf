"""The bilateral market: pairs of sellers and buyers, exactly and by decentralised processes."""
