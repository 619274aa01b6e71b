"""What may leave: k-anonymity and the residual-identifier scan."""
