"""What the tales are about: things to lose, give, carry and eat, and animals to meet."""

from __future__ import annotations

from llm.corpora.tales.tables import Table

LOOKS = Table.read("""
adj
red
blue
green
yellow
purple
orange
white
silver
little
old
striped
spotted
shiny
pretty
""")

THINGS = Table.read("""
noun
kite
drum
compass
scarf
whistle
lantern
notebook
marble
flute
music box
pocket watch
teddy bear
paper boat
spinning top
mirror
hat
ring
key
locket
fountain pen
toy horse
silk purse
treasure map
magnifying glass
harmonica
brooch
button
coin
ribbon
doll
ball
toy train
paintbrush
storybook
mitten
feather
""")

JUNK = Table.read("""
name
an old boot
two snails
a rusty nail
wet leaves
a single glove
a sleeping cat
an empty bottle
three bottle caps
a broken comb
somebody's lunch
a very surprised beetle
a heap of dust
""")

BAGS = Table.read("name\nbag\nbackpack\nsatchel\nrucksack")

CARRIES = Table.read("""
name
a wheelbarrow
two buckets
a fishing rod
a ladder
a crate of lemons
a bundle of newspapers
a sleepy dog
an armful of tulips
a tray of biscuits
a rolled-up carpet
""")

STATES = Table.read("""
name
a little dusty
a bit damp
safe and sound
as good as new
covered in cobwebs
waiting quietly
""")

PARCELS = Table.read("""
noun
basket of eggs
jar of honey
sealed letter
pot of soup
sack of flour
bottle of ink
loaf of rye bread
clean shirt
cake tin
box of candles
bunch of herbs
roll of cloth
""")

FOODS = Table.read("""
noun
sandwich
apple
pancake
bun
carrot
pear
biscuit
meat pie
cheese roll
banana
muffin
turnip
""")

# The animals that one meets on the road, and how they move.
ANIMALS = Table.read("""
noun | moving
hedgehog | shuffling
fox | running
owl | flying
squirrel | leaping
rabbit | hopping
goose | strutting
goat | trotting
donkey | plodding
crow | flapping
badger | bustling
kitten | prancing
puppy | bounding
tortoise | crawling
duck | waddling
deer | stepping
robin | fluttering
otter | sliding
pony | galloping
lamb | skipping
heron | striding
""")

# The guests of the night: what one hears, and what it was all along.
VISITORS = Table.read("""
sound | noun | a | wish
soft tapping at the window | woodpecker | a woodpecker | that admired itself in the glass
scratching under the floor | mole | a mole | that had lost its tunnel
splashing in the rain barrel | frog | a frog | that was having a bath
rustling in the pantry | mouse | a mouse | that was building a nest of paper
long hoot from the chimney | owl | an owl | that liked the warm bricks
thumping on the roof | cat | a cat | that was dancing with its shadow
humming in the attic | bumblebee | a bumblebee | that could not find the way out
clattering in the shed | raccoon | a raccoon | that was trying on a saucepan
snoring in the hay | puppy | a puppy | that had run away from the circus
crunching in the cabbage bed | rabbit | a rabbit | that had brought the whole family
fluttering above the bed | bat | a bat | that was chasing moths
jingling on the stairs | kitten | a kitten | that was playing with a lost bell
snuffling behind the door | hedgehog | a hedgehog | that wanted to sleep in a shoe
chirping in the teapot | cricket | a cricket | that was practising its song
""")

GUESSES = Table.read("noun\nghost\ngiant\npirate\ndragon\ntroll\nrobber\nwizard\nsea monster")
WEAPONS = Table.read("noun\nbroom\nbutterfly net\nsaucepan\npillow\numbrella\nwooden spoon")
TREATS = Table.read("noun\nsaucer of milk\nhandful of oats\nslice of melon\ncrust of bread\nbowl of berries")
PET_NAMES = Table.read(
    "name\nBiscuit\nPepper\nCaptain\nMarmalade\nThimble\nProfessor\nNoodle\nMoonlight\nCricket\nPudding"
)

VEHICLES = Table.read("name\nhay cart\nmilk van\ntractor\ntandem\ndonkey cart\nold lorry")
