"""What Amana adds to Rasa: a channel that carries the dialogue state, an intent classifier, checked remote actions."""
