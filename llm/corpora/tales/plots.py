"""The rules of the tales: eight plots, and the sentences that they share. `grammar` explains the signs.

What is decided early comes back late: the trait of the first lines in the last one, the promise of
the morning in the evening, the kindness on the way out in the help on the way.
"""

from __future__ import annotations

from llm.corpora.tales import adventures, friendship

SHARED = {
    "Story": """
        2* <Opening> <Lost>
        <Opening> <Animal>
        <Opening> <Learning>
        <Opening> <Present>
        <Opening> <Errand>
        <Opening> <Night>
        <Opening> <Contest>
        <Garden>
    """,
    "Opening": """
        {Hero=heroes} lived in {home=homes:a} {near=nears}. <Child> One {day=days} {weather=weathers:sky}.
        Once there was a girl called {hero=girls}, who lived {near=nears}. <Child> It was {weather=weathers:a} \
          {day=days}.
        Once there was a boy called {hero=boys}, who lived {near=nears}. <Child> It was {weather=weathers:a} \
          {day=days}.
        On {weather=weathers:a} {day=days}, {hero=heroes} was {doing=doings}. <Child>
        It was {day=days}, and {weather=weathers:sky}. In {home=homes:a}, {hero=heroes} was {doing=doings}. <Child>
    """,
    "Child": """
        {Hero} was {trait=traits:a} child.
        Everybody said that {hero} was very {trait=traits}.
        {Hero} was {trait=traits}, and always had been.
        Nobody in town was as {trait=traits} as {hero}.
    """,
    "Promise": """
        "I promise {promise=promises}," {hero.she} said to {hero.her} {kin=kin}.
        {Hero.her} {kin=kin} asked {hero.obj} {promise=promises}, and {hero} promised.
        Before {hero.she} left, {hero} promised {hero.her} {kin=kin} {promise=promises}.
    """,
    "Kept": """
        {Hero} also kept {hero.her} promise and {promise.did}.
        {Hero.her} {kin} was pleased that {hero} had {promise.done}.
        {Hero} did not forget {hero.her} {kin}, and {promise.did}.
        And the promise? {Hero} had {promise.done}, of course.
    """,
    "Evening": """
        When evening came, {weather.later}.
        By then {weather.later}.
        Outside, {weather.later}.
    """,
    "Last": """
        {Trait.last}
    """,
    "help": """
        Can I help you
        What is the matter
        Why do you look so sad
        Is something wrong
    """,
    "while": """
        Soon
        Before long
        After a while
        A little later
    """,
}

RULES: dict[str, str] = (
    SHARED
    | friendship.LOST
    | friendship.ANIMAL
    | friendship.PRESENT
    | friendship.CONTEST
    | adventures.LEARNING
    | adventures.ERRAND
    | adventures.NIGHT
    | adventures.GARDEN
)
"""All rules; no two have the same name."""
