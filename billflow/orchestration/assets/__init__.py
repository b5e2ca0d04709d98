"""The assets, in the order of the data's way: each arrow is one asset, each published table has one writer."""
