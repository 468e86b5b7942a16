"""How documents look to a person. Everything here turns documents of the API into lines; nothing here asks for any."""
