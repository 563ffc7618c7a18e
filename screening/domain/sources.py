"""Where the rules come from: each source with its title, edition and address. Pure: no Django.

``SEED`` is the clinic's own article. Numbers and questions that no source settles say so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """What a rule rests on: ``edition`` and ``link`` are empty where there is none."""

    title: str
    edition: str = ""
    link: str = ""


SEED = Source("Dry Needling, the clinic's own article", "as given by the clinic")
NOT_GIVEN = Source("This questionnaire's own rule: an answer that is not given is never read as “no”", "2026-11-23")
JUDGEMENT = Source("Design judgement: no source found, signed off by the clinic's lead physiotherapist")

BN121 = Source(
    "AHPCSA, Dry Needling safety guidelines: contra-indications and precautions",
    "Board Notice 121, section 3",
    "https://source.acts.co.za/allied-health-professions-act-1982/bn121_3__contra-indications_to.php",
)
BN121_HYGIENE = Source(
    "AHPCSA, Dry Needling safety guidelines: hygienic requirements",
    "Board Notice 121, section 7",
    "https://source.acts.co.za/allied-health-professions-act-1982/bn121_7__hygienic_requirements.php",
)
PHYSIOMAN = Source(
    "Physioman, Dry Needling (lists the contraindications of the ISCP guideline)",
    "ISCP guideline of 2012, read second-hand",
    "https://physioman.in/Treatment/16/Dry%20Needling",
)
GOLDFIELDS = Source(
    "Goldfields Physio Hub, Contraindications and precautions for acupuncture and dry needling",
    "",
    "https://sites.google.com/view/goldfieldsphysiohub/modalities-treatment-procedure/acupuncture-and-dry-needling/"
    "contraindications-and-precautions-for-acupuncture-and-dry-needling",
)
MEDSCAPE = Source(
    "Sierpina and Frenkel, Acupuncture: a clinical review",
    "Medscape",
    "https://www.medscape.com/viewarticle/501973_6",
)
WHO_PREGNANCY = Source(
    "WHO, Guidelines on basic training and safety in acupuncture, 2.1 Pregnancy",
    "1999",
    "http://apps.who.int/medicinedocs/en/d/Jwhozip56e/4.2.1.html",
)
WHO_FAINTING = Source(
    "WHO, Guidelines on basic training and safety in acupuncture, 3.3 Fainting",
    "1999",
    "http://apps.who.int/medicinedocs/en/d/Jwhozip56e/4.3.3.html",
)
KEARNS = Source(
    "Kearns and others, Journal of Manual and Manipulative Therapy: medical screening before dry needling",
    "2019",
    "https://pubmed.ncbi.nlm.nih.gov/30935332/",
)
LIN = Source(
    "Lin and others, Pneumothorax after acupuncture, Acupuncture in Medicine",
    "2019, doi:10.1136/acupmed-2018-011697",
    "https://suppr.wilddata.cn/browses/detail/pubmed/31433202",
)
HSIEH = Source(
    "Hsieh and others, bleeding after acupuncture under anticoagulant and antiplatelet drugs",
    "2023, abstract",
    "https://doi.org/10.1016/j.ctim.2023.102951",
)
MUNOZ = Source("Dry needling under antithrombotic drugs, review", "2022", "https://doi.org/10.1155/2022/1363477")
INFECTIVE_HEART = Source("Cardiac complications of acupuncture, review, J Invasive Cardiol", "2019;31(4):E69")
HIP_PROSTHESIS = Source(
    "Infection of a hip prosthesis after dry needling, Ned Tijdschr Geneeskd",
    "2015;160:A9364",
    "https://dev.integrativedryneedling.com/infection-of-a-hip-prosthesis-after-dry-needling",
)
NICKEL = Source(
    "Dermatitis from acupuncture needles, Indian J Dermatol",
    "2011;56:237",
    "https://www.e-ijd.org/article.asp?issn=0019-5154;year=2011;volume=56;issue=2;spage=237;epage=238;aulast=Mehta",
)
DEVICE = Source(
    "BMAS blog, TENS in patients with ICDs (a device found at the fourth session)",
    "6 August 2023",
    "https://bmas.blog/2023/08/06/tens-in-patients-with-icds",
)
PACEMAKER = Source(
    "Acupuntura.com, pacemakers and electroacupuncture safety",
    "",
    "https://acupuntura.com/en/articles/pacemaker-electroacupuncture-safety/",
)
INTERPRETERS = Source(
    "Murray PHN, Language and communication support: qualified interpreters for consent",
    "",
    "https://murrayphn.org.au/health-professionals/language-and-communication-support",
)
CAPACITY = Source(
    "ACSQHC, Informed consent: the parts of capacity",
    "2020",
    "https://medicaldirections.com.au/2020/09/16/informed-consent-in-health-care/",
)
FEAR_SCALE = Source(
    "Fear of needles among 2,098 adults, on a scale of 0 to 10 (no validated cut-off; the band is a design judgement)",
    "2022",
    "https://pmc.ncbi.nlm.nih.gov/articles/PMC9678288",
)

# Forms and pages of single clinics: weak, and said to be so.
_WEAK = "clinic form, weak source"
ADVANTAGE = Source(
    "Advantage Health, Acupuncture precautions and contra-indications",
    _WEAK,
    "http://advantagehealth.net.au/articles/acupuncture-precautions-and-contra-indications",
)
CENTRAL_SOMERSET = Source(
    "Central Somerset Physiotherapy, Acupuncture guidelines",
    _WEAK,
    "https://www.centralsomersetphysio.co.uk/acupuncture-guidelines---central-somerset-physiotherapy",
)
SURGERY_FORM = Source(
    "Be Preemptive, Dry needling consent (the number of weeks is a design judgement)",
    _WEAK,
    "https://www.bepreemptive.com/dry-needling-consent",
)
SOUTHSIDE = Source(
    "Southside Physio, Acupuncture information (after the BMAS and AACP pattern)",
    _WEAK,
    "https://southsidephysio.co.uk/Groups/391110/Acupuncture_Information.aspx",
)
JOTFORM = Source("Dry needling intake form", _WEAK, "https://form.jotform.com/210343599959066")
SARAH_B = Source(
    "Doc Sarah B, Contraindications to acupuncture",
    _WEAK,
    "https://docsarahb.co.uk/services-treatments/sports-therapy-rehabilitation/contraindications-to-acupuncture",
)
