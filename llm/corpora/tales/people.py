"""Who the tales are about: children, neighbours, relatives, and what they are like.

A person's columns are the forms that a sentence needs: she, her (of her), obj (to her), self.
"""

from __future__ import annotations

from llm.corpora.tales.tables import Table


def _people(names: str, she: str, her: str, obj: str, self: str) -> Table:
    rows = (f"{name.strip()} | {she} | {her} | {obj} | {self}" for name in names.split(","))
    return Table.read("\n".join(["name | she | her | obj | self", *rows]))


def _girls(names: str) -> Table:
    return _people(names, "she", "her", "her", "herself")


def _boys(names: str) -> Table:
    return _people(names, "he", "his", "him", "himself")


GIRLS = _girls(
    "Nora, Lily, Maya, Ruby, Clara, Ella, Ivy, Zoe, Amina, Hana, Priya, Freya, Sofia, Leila, Greta, Tess, Molly, Wren"
)
BOYS = _boys(
    "Tom, Leo, Omar, Finn, Hugo, Sam, Ravi, Noah, Jonas, Felix, Arlo, Kofi, Mateo, Oscar, Theo, Emil, Luca, Idris"
)
FRIENDS = _girls("Alice, Bella, Cora, Edith, Fatima, Gina, Heidi, June, Kira, Lena, Mina, Nell, Olive, Rosa") + _boys(
    "Adam, Boris, Carlos, Dan, Eli, Fred, George, Harry, Ivan, Jamal, Karl, Liam, Max, Otto"
)
ELDERS = _girls("Mrs Alder, Mrs Bloom, Mrs Carver, Mrs Dale, Mrs Penny, Mrs Quill, Aunt Pearl, Aunt Agnes") + _boys(
    "Mr Finch, Mr Gray, Mr Hill, Mr Lark, Mr Oakley, Mr Reed, Uncle Walter, Uncle Amos"
)
KIN = _girls("mother, grandmother, aunt, big sister") + _boys("father, grandfather, uncle, big brother")

JOBS = Table.read("""
noun
baker
farmer
miller
tailor
carpenter
gardener
potter
painter
teacher
doctor
shepherd
weaver
blacksmith
beekeeper
clockmaker
librarian
sailor
cook
toymaker
shoemaker
innkeeper
glassblower
bookbinder
lighthouse keeper
""")

# What a child is like in the first lines, and how a tale about such a child closes.
TRAITS = Table.read("""
adj | last
curious | That night {hero} lay awake with a hundred new questions.
shy | After that day {hero} was not quite so shy any more.
brave | From then on everyone called {hero.obj} {hero} the Brave.
forgetful | {Hero} forgot many things later in life, but never that day.
patient | All good things come slowly, thought {hero}, and smiled.
stubborn | And for once everybody was glad that {hero} never gave up.
dreamy | That night {hero} dreamed the whole adventure once again.
cheerful | {Hero} sang all evening, and the whole street listened.
quiet | {Hero} did not say a word at supper, but {hero.her} eyes were shining.
clever | {Hero} wrote everything down, so that no part of it would be lost.
careful | {Hero} checked the door twice that night and slept soundly until morning.
hungry | {Hero} ate three bowls of soup that evening and asked for a fourth.
sleepy | {Hero} fell asleep that evening before the soup was warm.
messy | {Hero} even tidied {hero.her} room that evening, or at least one corner of it.
restless | And for the first time in weeks, {hero} sat perfectly still.
serious | And for the first time that week, {hero} laughed out loud.
talkative | By the next day {hero} had told the story to everyone in town.
gentle | {Hero} blew out the candle and wished the whole world a good night.
""")

DOINGS = Table.read("""
name
mending a sock
humming a tune
drawing a map
peeling potatoes
feeding the cat
counting clouds
reading in bed
polishing a spoon
stirring the porridge
stacking cups
watching a spider
looking for shoes
""")

# Said in the morning, and done by the evening.
PROMISES = Table.read("""
name | did | done
to be home before dark | came home before dark | come home before dark
to feed the hens | fed the hens | fed the hens
to water the tomatoes | watered the tomatoes | watered the tomatoes
to sweep the kitchen floor | swept the kitchen floor | swept the kitchen floor
to carry in the firewood | carried in the firewood | carried in the firewood
to set the table | set the table | set the table
to wash the cups | washed the cups | washed the cups
to polish the boots | polished the boots | polished the boots
to pick some mint | picked some mint | picked some mint
to read a story aloud | read a story aloud | read a story aloud
to fetch fresh water | fetched fresh water | fetched fresh water
to fold the blankets | folded the blankets | folded the blankets
to wind the kitchen clock | wound the kitchen clock | wound the kitchen clock
to write a letter | wrote a letter | written a letter
to bring in the washing | brought in the washing | brought in the washing
to practise the piano | practised the piano | practised the piano
""")

# Offered for help, and given the next day.
FAVOURS = Table.read("""
name | did
teach you to juggle | taught {friend} to juggle
bake you a plum cake | baked {friend} a plum cake
lend you my bicycle | lent {friend} the bicycle
paint your gate | painted {friend}'s gate
show you my secret den | showed {friend} the secret den
sing you a song | sang {friend} a song
draw you a picture | drew {friend} a picture
tell you a story | told {friend} a story
give you ten marbles | gave {friend} ten marbles
mend your raincoat | mended {friend}'s raincoat
make you a necklace | made {friend} a necklace
help you with your homework | helped {friend} with {friend.her} homework
""")

# Work that is asked for, and work that is done.
CHORES = Table.read("""
name | did
sweep the yard | swept the yard
stack the firewood | stacked the firewood
feed the geese | fed the geese
wash the windows | washed the windows
pick the cherries | picked the cherries
sort the nails | sorted the nails
rake the leaves | raked the leaves
paint the fence | painted the fence
shell the peas | shelled the peas
beat the carpets | beat the carpets
count the eggs | counted the eggs
dust the shelves | dusted the shelves
oil the hinges | oiled the hinges
scrub the pots | scrubbed the pots
brush the pony | brushed the pony
carry the sacks | carried the sacks
""")
