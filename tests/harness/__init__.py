"""What tests on a real API server share: kubectl and helm as programs, and waiting with a limit."""
