"""Plots about something to be done: an art to learn, an errand, a sound at night, a garden."""

from __future__ import annotations

LEARNING = {
    "Learning": """
        <Dream> <Failure> <Mockery> <Advice> <Practice> <Success> <Wonder> <Evening?> <Last>
        <Promise> <Dream> <Failure> <Advice> <Practice> <Success> <Kept> <Evening?> <Last>
        <Dream> <Failure> <Mockery> <Advice> <Practice> <Success> <Pupil> <Evening?> <Last>
    """,
    "Dream": """
        More than anything else, {hero} wanted to learn {skill=skills}.
        For a long time {hero} had dreamed of one thing: {skill=skills}.
        "This year I will learn {skill=skills}," said {hero}.
    """,
    "Failure": """
        On the first day {hero.she} {skill.fail}. <Again>
        {Hero.she} tried, and {skill.fail}. <Again>
    """,
    "Again": """
        The second day was no better.
        On the second day it was even worse.
        {Hero.she} tried again, and it happened again.
    """,
    "Mockery": """
        "You will never learn it," said {friend=friends}.
        {Friend=friends} laughed so hard that the windows shook.
        "Give up," said {friend=friends}, shaking {friend.her} head.
    """,
    "Advice": """
        {Elder=elders} the {job=jobs} had seen it all. "{Skill.tip}," said {elder}.
        Then {elder=elders}, the old {job=jobs}, came over. "{Skill.tip}," {elder} told {hero.obj}.
        "May I tell you a secret?" asked {elder=elders} the {job=jobs}. "{Skill.tip}."
    """,
    "Practice": """
        So {hero} practised {practice=practices}.
        {Hero} remembered these words and practised {practice=practices}.
    """,
    "Success": """
        {Span=spans} later, {hero.she} {skill.done}.
        {Span=spans} passed, and then, on a {day}, {hero} {skill.done}.
    """,
    "Wonder": """
        "How did you do that?" asked {friend}. "{Skill.tip}," said {hero}.
        {Friend} wanted to know the secret. "{Skill.tip}," said {hero}, "that is all."
    """,
    "Pupil": """
        Now {friend} wanted {skill} too. "{Skill.tip}," said {hero}, and smiled at {elder}.
        "Teach me," begged {friend}. "{Skill.tip}," {hero} began, "as {elder} says."
    """,
}

ERRAND = {
    "Errand": """
        <Task> <Road> <Lift> <Early> <Kept> <Evening?> <Last>
        <Task> <Shortcut> <Stuck> <Rescue> <Late> <Kept> <Evening?> <Last>
    """,
    "Task": """
        {Hero} had to bring {parcel=parcels:a} to {elder=elders} the {job=jobs}. "Be there before \
          {deadline=deadlines}," said {hero.her} {kin=kin}, "and remember {promise=promises}."
        "{Elder=elders} the {job=jobs} is waiting for {parcel=parcels:a}," said {hero.her} {kin=kin}. "Bring it \
          before {deadline=deadlines}, and promise me {promise=promises}."
    """,
    "Road": """
        There were two ways, and {hero} took the long road around {wild=wilds}.
        {Hero} did not trust the short cut through {wild=wilds} and stayed on the road.
    """,
    "Shortcut": """
        There were two ways, and {hero} took the short cut through {wild=wilds}.
        "The road is too long," said {hero}, and turned into {wild=wilds}.
    """,
    "Lift": """
        <while> {friend=friends} came along on {friend.her} {vehicle=vehicles}. "Climb up," said {friend}, "there \
          is room for two."
        {Hero} had not walked far when {friend=friends} stopped {friend.her} {vehicle=vehicles}. "Jump on, \
          {hero}," said {friend}.
    """,
    "Early": """
        {Elder} opened the door long before {deadline}. "So early?" asked {elder}. "I took the long road," said \
          {hero}.
        They arrived well before {deadline}, and {elder} gave each of them {food=foods:a}. "The long road is the \
          short one," said {elder}.
    """,
    "Stuck": """
        <while> {hero.she} was {mishap=mishaps}.
        It began well, but <lower> {hero.she} was {mishap=mishaps}.
    """,
    "lower": """
        soon
        before long
        an hour later
    """,
    "Rescue": """
        {Hero} shouted until {friend=friends} heard it and came with {carry=carries}.
        Luckily {friend=friends} was passing with {carry=carries} and showed {hero.obj} the way out.
    """,
    "Late": """
        {Elder} opened the door long after {deadline}. "So late?" asked {elder}. "I took the short cut," said {hero}.
        "You are late," said {elder}. "{Wild} was full of {mishap.lost}," said {hero}, and blushed.
    """,
}

NIGHT = {
    "Night": """
        <Sound> <Guess> <Doubt> <Watch> <Creeping> <Reveal> <Treat> <Naming> <Last>
    """,
    "Sound": """
        For three nights {hero} had heard a {visitor=visitors}.
        Something was strange: every night there was a {visitor=visitors}.
        "Last night I heard a {visitor=visitors}," {hero} told everyone.
    """,
    "Guess": """
        "That must be {guess=guesses:a}," whispered {friend=friends}.
        "It is {guess=guesses:a}," said {friend=friends}, turning pale.
    """,
    "Doubt": """
        "I have never seen {guess.a} in my life," said {hero}. "Let us find out."
        "There is no such thing as {guess.a}," said {hero}. "Come tonight and see."
    """,
    "Watch": """
        That night they waited in the dark, {hero} with a candle and {friend} with {weapon=weapons:a}.
        {Friend} came after supper and brought {weapon=weapons:a}. They waited and did not make a sound.
    """,
    "Creeping": """
        At midnight there it was again: the {visitor}. {Friend} trembled.
        The clock struck twelve, and they heard the {visitor}. {Hero} took {friend} by the hand.
    """,
    "Reveal": """
        It was not {guess.a}. It was {visitor.a} {visitor.wish}.
        {Hero} held up the candle and saw {visitor.a} {visitor.wish}. "So that is your {guess}!" said {hero}.
    """,
    "Treat": """
        They laughed and gave the {visitor.noun} {treat=treats:a}.
        {Friend} put down the {weapon} and fetched {treat=treats:a} for the {visitor.noun}.
    """,
    "Naming": """
        They called it {pet=pet_names}, and every {day} {pet} came back for another {treat}.
        "Let us call it {pet=pet_names}," said {friend}. And {pet} stayed.
    """,
}

GARDEN = {
    "Garden": """
        <Spring> <Sowing> <Scorn> <Care> <Plague> <Harvest> <Feast> <Last>
    """,
    "Spring": """
        One spring, {hero=heroes} found a paper bag in {home=homes:a} {near=nears}. <Child> In the bag there were \
          seeds.
        {Hero=heroes} lived {near=nears}. <Child> One spring {hero.her} {kin=kin} gave {hero.obj} a handful of seeds.
    """,
    "Sowing": """
        "I will grow {seed=seeds}," said {hero}, and put the seeds into the ground {plot=plots}.
        {Hero} wanted to grow {seed=seeds}, and the only free spot was {plot=plots}.
    """,
    "Scorn": """
        "Nothing will grow there," said {elder=elders} the {job=jobs}.
        {Elder=elders} the {job=jobs} looked over the fence. "{Seed}? There? Never."
    """,
    "Care": """
        But {hero} watered the {seed} every {part=parts} and {care=cares}.
        Every {part=parts} {hero} visited the {seed} and {care=cares}.
    """,
    "Plague": """
        In the summer {plague=plagues}. {Hero} did not despair: {hero.she} {plague.cure}.
        Then, in one night, {plague=plagues}. "You will not get my {seed}," said {hero}, and {plague.cure}.
    """,
    "Harvest": """
        In autumn there were {seed} {size=sizes}.
        When the leaves turned, the {seed} were ripe, {size=sizes}.
    """,
    "Feast": """
        {Hero} made {seed.dish} for the whole street, and the first plate went to {elder}. "I was wrong," said \
          {elder}.
        "I was wrong," said {elder}, and asked for more {seed.dish}. {Friend=friends} asked for some too.
    """,
}
