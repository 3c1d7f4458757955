"""What children do: learn an art, make a present, grow a garden, enter a contest."""

from __future__ import annotations

from llm.corpora.tales.tables import Table

# An art, the first try, the advice that matters, and the day it works.
SKILLS = Table.read("""
name | fail | tip | done
to ride a bicycle | rode straight into a hedge | look ahead and not at your feet | rode around the whole town \
  without a wobble
to swim | swallowed half the lake | breathe out slowly and kick with both legs | swam to the raft and back
to whistle | blew nothing but air | wet your lips and make them small | whistled like a blackbird
to bake bread | burned three loaves | let the dough rest and watch the oven | baked a golden loaf
to juggle | dropped every ball | throw high and keep your elbows still | kept four balls in the air
to skate | sat down hard on the ice | bend your knees and lean forward | skated a perfect circle
to play the fiddle | frightened all the dogs | hold the bow as you would hold a bird | played a waltz without a \
  wrong note
to tie knots | got both thumbs stuck | follow the rope and not your fingers | tied a knot that nobody could open
to row a boat | went round and round | pull with both arms at the same time | rowed straight across the bay
to knit | made a sock with two heels | count every stitch aloud | knitted a shawl as long as a snake
to climb the great oak | slid down before the first branch | test each branch before you trust it | climbed to the \
  very top
to milk a goat | got more milk on the floor than in the pail | sing to her and keep your hands warm | filled the \
  pail to the rim
to paint a horse | painted something like a sofa | look twice before each stroke | painted a horse that seemed to \
  breathe
to dance | stepped on everybody's toes | listen to the drum and forget your shoes | danced until the musicians \
  were tired
to tell jokes | forgot the ending | wait a moment before the last line | made the whole room laugh
to read the stars | mistook a lamp for the moon | look for the bright one in the north | found the way home by \
  starlight
to play chess | lost in four moves | ask yourself what the other player wants | won a game against the mayor
to throw a pot | sent the clay flying across the room | keep your hands wet and the wheel slow | made a bowl as \
  round as the moon
to sail | tipped over beside the dock | feel the wind on your cheek first | sailed around the island
to do a handstand | fell into the flower bed | press the ground away and point your toes | stood on both hands and \
  counted to twenty
""")

PRACTICES = Table.read("""
name
every morning before breakfast
by candlelight
in sunshine and in rain
in secret, behind the barn
until the stars came out
day after day after day
while the others were asleep
twice before lunch and twice after
""")

SPANS = Table.read("name\nTwo weeks\nThree weeks\nA month\nTen days\nSix weeks\nA whole season")

# A present, what it is made of, and what two friends do with it.
GIFTS = Table.read("""
noun | needs | use
dragon kite | paper and string | flew it above the chimneys
birdhouse | boards and nails | watched the first sparrow move in
honey cake | flour and honey | ate it to the last crumb
puppet | wool and buttons | played theatre for the neighbours
model ship | cork and sailcloth | sailed it across the pond
paper lantern | wire and silk | told stories by its light
quilt | cloth and thread | lived under it as if it were a tent
rope swing | rope and planks | took turns and swung until supper
golden crown | cardboard and glue | took turns at being king
picture book | paper and ink | read it from cover to cover
sledge | planks and wax | raced it down the hill
rag doll | rags and straw | took it for a walk
bead bracelet | beads and wire | tried it on again and again
soapbox cart | wheels and wood | rolled it down the lane
fox mask | feathers and paint | scared the whole street with it
bow and arrow | willow and twine | shot at pine cones with it
""")

ACHES = Table.read("name\narms\nback\nfingers\nlegs\nshoulders\nfeet")

JOYS = Table.read("""
name
jumped for joy
could not speak for a while
turned quite pink
clapped with both hands
danced around the table
smiled from ear to ear
""")

# What is sown, what comes up, and what is cooked from it.
SEEDS = Table.read("""
plants | dish
pumpkins | pumpkin soup
carrots | carrot cake
tomatoes | tomato sauce
beans | bean stew
onions | onion tart
strawberries | strawberry jam
potatoes | potato pancakes
cucumbers | cucumber salad
peas | pea soup
melons | melon ice cream
radishes | radish sandwiches
gooseberries | gooseberry crumble
""")

PLOTS = Table.read("""
name
behind the shed
between two stones
in a broken bathtub
beside the compost heap
in an old wheelbarrow
below the washing line
""")

CARES = Table.read("""
name
sang to them
pulled out every weed
told them the news
carried the slugs away
shaded them with a parasol
played the trumpet for them
""")

# What happens to a garden in summer, and what a gardener does about it.
PLAGUES = Table.read("""
name | cure
a storm bent all the stalks | tied them up with string
the well ran dry | carried water from the river
hungry snails came over the wall | laid a ring of ashes around them
a hailstorm tore the leaves | spread a tablecloth over them
the crows came in a great black crowd | built a scarecrow out of a coat
a late frost turned the leaves grey | lit small fires all night long
a flood filled the garden | dug a ditch to the lane
greedy caterpillars sat on every leaf | picked them off one by one
""")

SIZES = Table.read("""
name
as big as hats
as big as footballs
as bright as lamps
as sweet as sugar
so heavy that two people had to carry the basket
as round as the moon
""")

# A race or contest, what one enters it with, what breaks, and what it is mended with.
CONTESTS = Table.read("""
name | craft | broke | fix
the soapbox race | cart | lost a wheel | pot lid
the boat race | boat | sprang a leak | lump of tar
the kite contest | kite | tore in the middle | clean handkerchief
the sledge race | sledge | cracked a runner | leather belt
the fiddle contest | fiddle | snapped a string | thread of silk
the raft race | raft | came apart | long rope
the balloon race | balloon | split at the seam | patch from an old shirt
the bicycle race | bicycle | got a flat tyre | piece of chewing gum
the puppet contest | puppet | dropped an arm | clothes peg
the lantern parade | lantern | blew out and would not burn | fresh wick
""")

PRIZES = Table.read("""
noun
silver cup
basket of oranges
golden trumpet
week at the seaside
box of chocolates
ride in a balloon
velvet cape
gigantic cake
""")
