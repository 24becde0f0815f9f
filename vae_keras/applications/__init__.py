"""What trained models are good for beyond new faces."""
