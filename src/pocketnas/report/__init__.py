"""The report: pictures, one self-contained page, and the numbers behind them."""
