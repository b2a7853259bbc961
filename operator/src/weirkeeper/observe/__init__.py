"""Collects what routers and model servers count, books it to slots, and keeps windows for Monitors."""
