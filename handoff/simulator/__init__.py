"""A stand-in for Twilio, Meta and Telegram, with phones on a web page. Development, demo and staff training only."""
