"""Models that people own: brought through the browser, fetched from the Hub, or in a folder of this computer."""
