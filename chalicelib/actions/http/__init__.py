"""What HTTP actions share: bodies out, answers in, pages, and sending with a credential."""
