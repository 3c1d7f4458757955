"""Plots about other people, and animals: something lost, something shared, a present, a contest."""

from __future__ import annotations

LOST = {
    "Lost": """
        2* <Treasure> <Gone> <Search> <Meeting> <Bargain> <Found> <Repaid> <Last>
        <Treasure> <Gone> <Search> <Sadness> <Meeting> <Found> <Thanks> <Last>
        <Treasure> <Promise> <Gone> <Search> <Meeting> <Found> <Kept> <Last>
    """,
    "Treasure": """
        {Hero.her} greatest treasure was {look=looks:a} {thing=things}, a present from {hero.her} {giver=kin}.
        {Hero.she} owned {look=looks:a} {thing=things} that had once belonged to {hero.her} {giver=kin}.
        Wherever {hero.she} went, {hero.she} carried {look=looks:a} {thing=things} from {hero.her} {giver=kin}.
    """,
    "Gone": """
        {Hero.she} spent the {part=parts} {place=places:at}, but when {hero.she} reached into {hero.her} \
          {bag=bags}, the {thing} was gone.
        But {place=places:at}, {hero.she} opened {hero.her} {bag=bags} and saw that the {thing} was missing.
        That {part=parts} {hero.she} went to {place=places}, and there {hero.she} lost the {thing}.
    """,
    "Search": """
        {Hero.she} looked {spot=place.spots} and {other=place.spots-spot}, but found only {junk=junk}.
        Was it {spot=place.spots}? No. Was it {other=place.spots-spot}? No, nothing but {junk=junk}.
        {Hero.she} searched {spot=place.spots} and {other=place.spots-spot}. There {hero.she} found {junk=junk} \
          and nothing else.
    """,
    "Sadness": """
        {Hero.she} sat down and tried not to cry.
        {Hero.she} asked everyone in {place}, but nobody had seen it.
        "Think, {hero}, think," {hero.she} said to {hero.self}.
    """,
    "Meeting": """
        Just then {friend=friends} came by with {carry=carries}. "<help>?" asked {friend}. <Answer>
        <while> {friend=friends} saw {hero.obj} and stopped. "<help>?" asked {friend}. <Answer>
        "<help>?" asked a voice. It was {friend=friends} with {carry=carries}. <Answer>
    """,
    "Answer": """
        "I have lost my {look} {thing}," said {hero}.
        "My {thing} is gone," said {hero}, "the {look} one."
        "My {giver} gave me {look.a} {thing}," said {hero}, "and now it is gone."
    """,
    "Bargain": """
        "If you find it," {hero.she} added, "I will {favour=favours}."
        "Please help me," {hero.she} said, "and tomorrow I will {favour=favours}."
    """,
    "Found": """
        Together they looked {third=place.spots-spot-other}, and there lay the {look} {thing}, {state=states}.
        {Friend} thought for a moment and looked {third=place.spots-spot-other}. There was the {thing}, \
          {state=states}!
        "Did you look {third=place.spots-spot-other}?" asked {friend}. And there it was, {state=states}.
    """,
    "Thanks": """
        "Thank you, {friend}!" cried {hero}, and held the {thing} tight.
        {Hero} laughed and thanked {friend} three times.
        "{Friend}, you are the best finder in the world," said {hero}.
    """,
    "Repaid": """
        The next day {hero} kept {hero.her} word and {favour.did}.
        And as {hero.she} had said, {hero.she} {favour.did}.
    """,
}

ANIMAL = {
    "Animal": """
        <Sent> <Hungry> <Shares> <Trouble> <Helped> <Arrival> <Friendship> <Kept> <Last>
        <Sent> <Hungry> <Hurries> <Trouble> <Alone> <Arrival> <Sorry> <Kept> <Last>
    """,
    "Sent": """
        {Hero.her} {kin=kin} sent {hero.obj} to {place=places} with {parcel=parcels:a}. {Hero} also promised \
          {promise=promises}. In {hero.her} {bag=bags} there was {food=foods:a}.
        "Take {parcel=parcels:a} to {place=places}," said {hero.her} {kin=kin}, "and remember {promise=promises}." \
          {Hero} put {food=foods:a} into {hero.her} {bag=bags} and left.
    """,
    "Hungry": """
        Beside the road {hero.she} met {animal=animals:a} that looked very hungry.
        <while> {hero.she} met a thin little {animal=animals}. It eyed the {bag}.
        On the way {animal=animals:a} looked at {hero.obj} with sad eyes.
    """,
    "Shares": """
        {Hero} stopped at once and gave the {animal} half of the {food}.
        "Here, my friend," said {hero}, and shared the {food} with the {animal}.
        "You need it more than I do," said {hero}, and the {animal} ate the whole {food}.
    """,
    "Hurries": """
        But {hero} was in a hurry and walked past the {animal}.
        "I have no time for you," said {hero}, and ate the {food} alone.
        {Hero} held the {food} tight and did not stop for the {animal}.
    """,
    "Trouble": """
        Then {trouble=troubles}.
        A mile later {trouble=troubles}.
        But near {place} {trouble=troubles}.
    """,
    "Helped": """
        Who came {animal.moving} along? It was the {animal}! It {trouble.help}.
        Then the {animal} came {animal.moving} out of the grass and {trouble.help}.
        "What now?" said {hero}. But the {animal} had followed, and it {trouble.help}.
    """,
    "Alone": """
        Nobody came to help, so {hero} {trouble.alone}. It took {long=longs}.
        There was no friend far and wide. {Hero} {trouble.alone}, and that took {long=longs}.
    """,
    "Arrival": """
        At last {hero} came to {place} and handed over the {parcel}.
        In the end {hero} reached {place} with the {parcel}.
    """,
    "Friendship": """
        "Is that {animal} yours?" asked {elder=elders} the {job=jobs}. "No," said {hero}, "but we are friends."
        {Elder=elders} the {job=jobs} stared at the {animal}. "It was hungry, and I shared my {food}," said {hero}.
    """,
    "Sorry": """
        On the way back {hero} gave the {animal} another {food}. "I am sorry," {hero.she} whispered.
        "If only I had stopped," thought {hero}. The next day {hero.she} brought the {animal} another {food}.
    """,
}

PRESENT = {
    "Present": """
        <Birthday> <Making> <Asking> <Chore> <Work> <Unwrapping> <Playing> <Evening?> <Last>
        <Promise> <Birthday> <Making> <Asking> <Chore> <Unwrapping> <Playing> <Kept> <Last>
    """,
    "Birthday": """
        In three days it would be {friend=friends}'s birthday.
        {Friend=friends} had a birthday on {birthday=days-day}, and {hero} had no money at all.
        "What shall I give {friend=friends} for {friend.her} birthday?" {hero} wondered.
    """,
    "Making": """
        {Hero} decided to make {gift=gifts:a}. But for that {hero.she} needed {gift.needs}.
        It had to be {gift=gifts:a}! But where could {hero.she} find {gift.needs}?
        "I will make {gift=gifts:a}," {hero.she} said. "All I need is {gift.needs}."
    """,
    "Asking": """
        {Hero.she} went to {elder=elders} the {job=jobs}. "You can have {gift.needs} if you {chore=chores}," said \
          {elder}.
        "{Chore=chores:Name} for me, and {gift.needs} will be yours," said {elder=elders} the {job=jobs}.
    """,
    "Chore": """
        {Hero} {chore.did} until {hero.her} {ache=aches} hurt.
        So {hero} {chore.did}, and {hero.her} {ache=aches} ached for it.
    """,
    "Work": """
        Then {hero.she} worked on the {gift} for two nights.
        In secret {hero.she} made the {gift}, and it was not easy.
        The first {gift} fell apart, but the second one was beautiful.
    """,
    "Unwrapping": """
        When {friend} saw the {gift}, {friend.she} {joy=joys}. <Thankful?>
        {Friend} opened the parcel and {joy=joys}. It was {gift.a}! <Thankful?>
    """,
    "Thankful": """
        "Did you make it yourself?" asked {friend}. "Yes," said {hero}, "with {gift.needs} from {elder}."
        "Where did you get {gift.needs}?" asked {friend}. "From {elder}," said {hero}, "I {chore.did}."
    """,
    "Playing": """
        Then the two of them {gift.use}.
        All afternoon {hero} and {friend} {gift.use}.
    """,
}

CONTEST = {
    "Contest": """
        <Entry> <Rival> <Breakage> <Mending> <Together> <Honour> <Evening?> <Last>
        <Entry> <Rival> <Breakage> <Ignoring> <Lonely> <Amends> <Evening?> <Last>
        <Promise> <Entry> <Rival> <Breakage> <Mending> <Together> <Honour> <Kept> <Last>
    """,
    "Entry": """
        At last it was the day of {contest=contests}, and the winner would get {prize=prizes:a}.
        Everybody was talking about {contest=contests}. The first prize was {prize=prizes:a}!
    """,
    "Rival": """
        {Hero} had the finest {contest.craft} of all, or so {hero.she} thought. But {friend=friends} had a very \
          fine {contest.craft} too.
        Only {friend=friends} had a better {contest.craft} than {hero}.
    """,
    "Breakage": """
        Just before the start, {friend}'s {contest.craft} {contest.broke}.
        Then it happened: {friend}'s {contest.craft} {contest.broke}. {Friend} was close to tears.
    """,
    "Mending": """
        {Hero} ran to {friend} at once. "Take this," said {hero}, and mended the {contest.craft} with a {contest.fix}.
        "Wait, I have a {contest.fix}!" said {hero}. With that they mended the {contest.craft}.
    """,
    "Ignoring": """
        {Hero} had a {contest.fix} in {hero.her} {bag=bags}, but looked the other way.
        "Bad luck," said {hero}, who had a {contest.fix} and kept it.
    """,
    "Together": """
        Of course they came last, but they laughed from beginning to end.
        Side by side they finished, long after all the others.
    """,
    "Honour": """
        "Friendship wins," said {elder=elders}, the judge, and gave the {prize} to both of them.
        {Elder=elders} the {job=jobs}, who was the judge, had seen everything. {Hero} and {friend} got the {prize}.
    """,
    "Lonely": """
        {Hero} won the {prize}, but nobody cheered.
        So {hero} won the {prize}, and it felt like nothing.
    """,
    "Amends": """
        That evening {hero} knocked at {friend}'s door with the {contest.fix}. "I am sorry," said {hero}, "half of \
          the prize is yours."
        The next morning {hero} told {friend}, "I had a {contest.fix}, and I did not help. Please take the {prize}."
    """,
}
