"""Where and when: homes, places with corners to look into, the weather, and what goes wrong on the way."""

from __future__ import annotations

from llm.corpora.tales.tables import Table

DAYS = Table.read("name\nMonday\nTuesday\nWednesday\nThursday\nFriday\nSaturday\nSunday")
PARTS = Table.read("name\nmorning\nafternoon")

WEATHERS = Table.read("""
adj | sky | later
sunny | the sun shone on every roof | the last sunlight lay on the roofs
rainy | rain tapped on the windows | the rain had stopped
windy | the wind chased the leaves | the wind had gone to sleep
snowy | snow lay thick on the fences | the snow glittered under the moon
foggy | fog hid the street | the fog had lifted at last
cloudy | grey clouds hung over the chimneys | the clouds had drifted away
frosty | frost covered the glass | the frost had melted
stormy | thunder rolled in the distance | the storm had passed
cold | smoke rose from every chimney | the cold stars were out
warm | bees hummed in the flowers | the air was still warm
bright | swallows darted across the sky | the swallows were back in their nests
misty | mist floated above the fields | the mist had turned to gold
""")

HOMES = Table.read("""
noun
stone cottage
little house
narrow house
farmhouse
houseboat
crooked tower
wooden cabin
tall house
old inn
quiet flat
white house
thatched cottage
""")

NEARS = Table.read("""
name
by the sea
near the woods
below the mountain
by a slow river
in the middle of town
at the end of the lane
beside the canal
on top of a hill
near the railway
behind the market hall
across from the school
among apple trees
""")

PLACES = Table.read("""
name | at | spots*
the beach | at the beach | under the pier; behind the dunes; between the rocks; beside an old rowing boat
the harbour | at the harbour | behind the fishing nets; under a barrel; among the ropes; beside the anchor
the market | at the market | under the cheese stall; behind the crates; among the cabbages; beside the pump
the park | in the park | under the benches; behind the fountain; among the roses; beside the duck pond
the library | in the library | under the reading desk; behind the globe; between two dictionaries; beside the stairs
the mill | at the mill | under the wheel; behind the flour sacks; between the millstones; beside the trapdoor
the meadow | in the meadow | under the hay cart; behind the hedge; among the daisies; beside the brook
the forest | in the forest | under the ferns; behind a fallen trunk; among the mushrooms; beside a mossy rock
the castle | at the castle | under the drawbridge; behind the throne; among the suits of armour; beside the well
the station | at the station | under the clock; behind the suitcases; between the rails; beside the ticket machine
the fair | at the fair | under the merry-go-round; behind the puppet stage; among the balloons; beside the drummer
the lake | at the lake | under the jetty; behind the reeds; among the water lilies; beside the boathouse
the orchard | in the orchard | under the pear tree; behind the ladders; among the windfalls; beside the cider press
the farm | on the farm | under the tractor; behind the barn; among the pumpkins; beside the pigsty
the square | in the square | under the statue; behind the flower stand; among the pigeons; beside the lamp post
the lighthouse | at the lighthouse | under the staircase; behind the great lamp; among the maps; beside the foghorn
the playground | at the playground | under the slide; behind the climbing frame; in the sandpit; beside the swings
the museum | in the museum | under a dinosaur; behind the mummy; among the butterflies; beside a stone lion
the bakery | in the bakery | under the counter; behind the oven; among the buns; beside the rolling pins
the school | at the school | under the blackboard; behind the coats; among the paints; beside the bell
the stable | in the stable | under the saddle; behind the oats; among the horseshoes; beside the trough
the greenhouse | in the greenhouse | under the vines; behind the watering cans; among the orchids; beside a giant cactus
the theatre | in the theatre | under the stage; behind the curtain; among the costumes; beside the piano
the island | on the island | under a palm tree; behind the waterfall; among the shells; beside the campfire
""")

WILDS = Table.read("""
name
the forest
the marsh
the old quarry
the gorge
the bramble field
the dark valley
the sleeping vineyard
the reedy swamp
""")

MISHAPS = Table.read("""
name | lost
up to the knees in mud | mud and frogs
caught in a thicket of thorns | thorns
lost among tall ferns | ferns
standing before a wide ditch | ditches
surrounded by curious cows | cows
face to face with an angry goose | geese
stuck between two boulders | boulders
wading through nettles | nettles
""")

DEADLINES = Table.read("""
name
noon
sunset
supper
teatime
nightfall
five o'clock
closing time
the evening bell
""")

# A difficulty on the road, how an animal helps with it, and what it takes alone.
TROUBLES = Table.read("""
name | help | alone
the path split into three | showed {hero.obj} the right one | tried all three of them
a thick cloud covered the fields | walked ahead of {hero.obj} through the white | sat on a stone until it had gone
the little bridge was broken | found a row of stones in the stream | walked on to the next bridge
{hero.her} cap blew into a tree | shook the branch until the cap fell down | climbed up and tore a sleeve
the gate was locked | found a hole in the hedge | climbed over the wall and scraped both knees
it grew dark under the trees | stayed close to {hero.obj} all the way | felt for every step with a stick
a tree lay across the road | led {hero.obj} around it | crawled through the branches
the signpost had fallen over | ran ahead and pointed the way | guessed, and guessed wrong twice
a barking dog blocked the way | made friends with the dog | waited behind a cart until it left
{hero.her} lamp went out | guided {hero.obj} with its bright eyes | bumped into every bush
the ferry had already left | fetched the ferryman | waited for the next one in the cold
the map got wet | knew every turn by heart | walked twice around the same hill
""")

LONGS = Table.read("""
name
an hour
half the day
a whole afternoon
two whole hours
all morning
almost until dark
""")
