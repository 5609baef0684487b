"""What the service is compared with: small programs in an environment of their own."""
