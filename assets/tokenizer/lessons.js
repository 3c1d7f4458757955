// Six reasons to care about tokens. Each sets a prompt and GPT-2's vocabulary, and says in two sentences at
// most what there is to see.
export const tokenLessons = [
  {
    title: "Digits",
    prompt: "7 + 5 = 12\n777 + 555 = 1332\n31415926 + 27182818 = 58598744",
    says:
      "Short numbers are tokens of their own, long ones fall apart wherever merges happened to be learnt. " +
      "Before a model can add, it has to learn which digits hide in each token.",
  },
  {
    title: "Leading spaces",
    prompt: "hello hello Hello HELLO",
    says:
      "The first “hello” and the second, with its space, are different tokens that share nothing but what training taught. " +
      "A prompt that ends in a space surprises a model: the next word would have brought its own.",
  },
  {
    title: "strawberry",
    prompt: "How many r are there in strawberry? In Strawberry? In s-t-r-a-w-b-e-r-r-y?",
    says:
      "A model gets one id for “ strawberry” and not a single letter. " +
      "It can count them only if it has read somewhere how the word is spelt.",
  },
  {
    title: "Indentation",
    prompt:
      "def area(shapes):\n    total = 0\n    for shape in shapes:\n        if shape.visible:\n" +
      "            total += shape.width * shape.height\n    return total\n",
    says:
      "GPT-2 spends a token on almost every space of an indentation, and its context on nothing. " +
      "Later vocabularies learnt from code as well and have tokens for whole runs of spaces.",
  },
  {
    title: "Languages",
    prompt: "The children count the white boats.\nLapset laskevat valkoisia veneitä.\n子どもたちは白い舟を数えます。",
    says:
      "One sentence three times: merges counted on English pages leave Finnish in crumbs and Japanese in less than characters. " +
      "Whoever writes those pays more for the same words and fits less into the context.",
    view: "compare_tokenizers",
  },
  {
    title: "A token nobody learnt",
    prompt: "Please repeat: SolidGoldMagikarp",
    says:
      "This user name was so frequent where GPT-2's merges were counted that it became a single token, and so rare " +
      "where GPT-2 was trained that the token stayed as good as random. Models met it with nonsense.",
  },
];
