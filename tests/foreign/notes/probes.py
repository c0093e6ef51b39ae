from notes.search import find, remember
from tenants import use_tenant
from tenants.testing.probe import Probe, Stage, acting


def look_into_the_index(stage: Stage, reader) -> str:
    with use_tenant(stage.owner):
        remember(stage.secret, "a text of the owner's")
    with acting(reader):
        return find(stage.secret)


search_index = Probe(name="the index of words", look=look_into_the_index)
