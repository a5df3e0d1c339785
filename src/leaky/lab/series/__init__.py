"""What the tasks on time series share: windows, naive forecasts, forecasters."""
