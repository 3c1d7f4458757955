"""Short texts to hold tokenizers against, written for this project.

The ten languages tell the same three sentences, so that their tokens can be compared one to one.
"""

from __future__ import annotations

SAMPLES = {
    "English": "In spring the river rises. The children walk to school along the water and count the white boats. "
    "In the evening their grandmother tells them an old story about the sea.",
    "German": "Im Frühling steigt der Fluss. Die Kinder gehen am Wasser entlang zur Schule und zählen die weißen "
    "Boote. Am Abend erzählt ihnen die Großmutter eine alte Geschichte vom Meer.",
    "Finnish": "Keväällä joki nousee. Lapset kävelevät veden vartta pitkin kouluun ja laskevat valkoisia veneitä. "
    "Illalla isoäiti kertoo heille vanhan tarinan merestä.",
    "Turkish": "İlkbaharda nehir yükselir. Çocuklar su kenarından okula yürür ve beyaz tekneleri sayar. "
    "Akşam büyükanneleri onlara denizle ilgili eski bir hikâye anlatır.",
    "Swahili": "Wakati wa masika mto hujaa. Watoto hutembea kando ya maji kwenda shuleni na kuhesabu mashua nyeupe. "
    "Jioni bibi yao huwasimulia hadithi ya zamani kuhusu bahari.",
    "Arabic": "في الربيع يرتفع النهر. يمشي الأطفال إلى المدرسة على ضفة الماء ويعدّون القوارب البيضاء. "
    "وفي المساء تحكي لهم جدتهم قصة قديمة عن البحر.",
    "Hindi": "वसंत में नदी का पानी बढ़ जाता है। बच्चे पानी के किनारे चलकर स्कूल जाते हैं और सफ़ेद नावें गिनते हैं। "
    "शाम को दादी उन्हें समुद्र की एक पुरानी कहानी सुनाती हैं।",
    "Chinese": "春天，河水上涨。孩子们沿着水边走去上学，数着白色的小船。晚上，奶奶给他们讲一个关于大海的老故事。",
    "Japanese": "春になると川の水が増えます。子どもたちは水辺を歩いて学校へ行き、白い舟を数えます。"
    "夜にはおばあさんが海の昔話をしてくれます。",
    "Korean": "봄이 되면 강물이 불어납니다. 아이들은 물가를 따라 학교에 가면서 하얀 배를 셉니다. "
    "저녁에는 할머니가 바다에 관한 옛이야기를 들려줍니다.",
    "Code": "def count_boats(river, color='white'):\n    total = 0\n    for boat in river.boats:\n"
    "        if boat.color == color and not boat.hidden:\n            total += 1\n    return total\n",
    "Numbers": "1 22 333 4444 55555 666666; 3.14159265, 1,000,000 and 299792458; 17:45, 0x1F, 12 * 12 = 144.",
    "Emoji": "👋🙂🎉 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇫🇮 ☕️ 🚲🌊⛵ 🧑‍🚀🌍",
}
"""By what they are called in the chart."""
LANGUAGES = tuple(SAMPLES)[:10]
