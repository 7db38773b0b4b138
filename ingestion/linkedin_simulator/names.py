"""The words the simulated world is made of: companies, audiences, campaign kinds, member segments."""

from dataclasses import dataclass

COMPANIES = (
    "Northwind Analytics", "Brightwater Consulting", "Alder & Finch", "Helios Robotics",
    "Quarry Lane Software",
    "Marlowe Biosciences", "Tideline Logistics", "Copperfield Energy", "Juniper Cloud Systems",
    "Westbridge Capital",
    "Orchard Street Media", "Lumen Learning Group", "Falcon Ridge Security", "Sable Manufacturing",
    "Kite & Key Labs",
    "Harborview Health", "Meridian Rail", "Cobalt Payments", "Evergreen Facilities", "Paragon Hospitality",
)  # fmt: skip
MARKETS = ("EMEA", "North America", "DACH", "Global", "UK & Ireland", "Brand", "Demand Gen", "Recruiting")
CURRENCIES = ("USD", "EUR", "GBP")
LOCALES = (("EN", "en", "US"), ("DE", "de", "DE"), ("FR", "fr", "FR"), ("EN", "en", "GB"), ("ES", "es", "ES"))
AUDIENCES = (
    "Directors", "IT decision makers", "Retargeting 90 days", "CFOs", "HR leaders", "Engineers",
    "Lookalike customers",
    "Operations managers", "Founders", "Marketing leaders", "Procurement", "Target account list",
)  # fmt: skip
GROUPS = (
    "Always on",
    "Q1 demand",
    "Spring launch",
    "Thought leadership",
    "Autumn pipeline",
    "Hiring",
    "Events",
)
ADS = (
    "Customer story",
    "Calculator",
    "Report cover",
    "Quote card",
    "Product tour",
    "Webinar invite",
    "Checklist",
)
HEADLINES = (
    "Plan next quarter with numbers you trust",
    "Cut month-end close to two days",
    "See where budgets leak",
)
COMMENTARIES = (
    "Most teams find out about overspend three weeks too late. Here is how to see it on the same day.",
    "We asked 1,200 finance leaders what slows them down, and the answers surprised even us.",
    "Hiring plans change, and your forecast should change with them. Read the guide.",
    "New report: what the fastest growing B2B teams do differently with their first 100 customers.",
)
PEOPLE = (("Ada", "Moreno"), ("Bastian", "Keller"), ("Chiara", "Romano"), ("Dev", "Patel"), ("Elin", "Berg"))


@dataclass(frozen=True, slots=True)
class CampaignKind:
    """One kind of campaign; prices in cents, rates in parts per 65,536."""

    label: str
    type: str
    format: str
    objective: str | None
    cost_type: str
    bid: str
    content: str
    price: int
    click_rate: int
    conversion_rate: int = 0
    lead_rate: int = 0
    video_rate: int = 0
    is_message: bool = False


KINDS = (
    CampaignKind("Website visits", "SPONSORED_UPDATES", "STANDARD_UPDATE", "WEBSITE_VISIT", "CPM", "MAX_CLICK",
    "post",
         2400, 420, 3100),
    CampaignKind("Lead gen", "SPONSORED_UPDATES", "SPONSORED_UPDATE_NATIVE_DOCUMENT", "LEAD_GENERATION", "CPM",
    "MAX_LEAD",
         "post", 5200, 360, 0, 9000),
    CampaignKind("Brand awareness", "SPONSORED_UPDATES", "SINGLE_VIDEO", "BRAND_AWARENESS", "CPM", "MAX_IMPRESSION",
    "post",
         1500, 190, 0, 0, 18000),
    CampaignKind("Right rail text", "TEXT_AD", "TEXT_AD", "WEBSITE_VISITS", "CPC", "NONE", "textAd", 410, 26, 2600),
    CampaignKind("Message ad", "SPONSORED_INMAILS", "SPONSORED_INMAIL", "LEAD_GENERATION", "CPM", "NONE", "inmail",
         48000, 2300, 0, 6000, 0, True),
    CampaignKind("Website conversions", "SPONSORED_UPDATES", "CAROUSEL", "WEBSITE_CONVERSION", "CPM",
    "MAX_CONVERSION",
         "post", 3300, 390, 8200),
    CampaignKind("Spotlight", "DYNAMIC", "SPOTLIGHT", "WEBSITE_TRAFFIC", "CPC", "NONE", "spotlight", 620, 60, 1900),
    CampaignKind("Engagement", "SPONSORED_UPDATES", "STANDARD_UPDATE", "ENGAGEMENT", "CPM", "TARGET_COST_PER_CLICK",
    "post",
         1900, 780),
    CampaignKind("Video views", "SPONSORED_UPDATES", "SINGLE_VIDEO", "VIDEO_VIEW", "CPV", "MAX_VIDEO_VIEW", "post",
         1700, 160, 0, 0, 22000),
    CampaignKind("Talent leads", "SPONSORED_UPDATES", "STANDARD_UPDATE", "TALENT_LEADS", "CPM",
    "CAP_COST_AND_MAXIMIZE_LEADS",
         "post", 2900, 310, 0, 4200),
    CampaignKind("Event", "SPONSORED_UPDATES", "EVENT", None, "CPM", "MAX_REACH", "eventAd", 2100, 330, 1500),
)  # fmt: skip

SENIORITIES = (
    "Unpaid",
    "Training",
    "Entry",
    "Senior",
    "Manager",
    "Director",
    "VP",
    "CXO",
    "Partner",
    "Owner",
)
COMPANY_SIZES = (
    "SIZE_1", "SIZE_2_TO_10", "SIZE_11_TO_50", "SIZE_51_TO_200", "SIZE_201_TO_500", "SIZE_501_TO_1000",
    "SIZE_1001_TO_5000", "SIZE_5001_TO_10000", "SIZE_10001_OR_MORE",
)  # fmt: skip
JOB_FUNCTIONS = (
    "Accounting", "Administrative", "Arts and Design", "Business Development",
    "Community and Social Services",
    "Consulting", "Education", "Engineering", "Entrepreneurship", "Finance", "Healthcare Services",
    "Human Resources",
    "Information Technology", "Legal", "Marketing", "Media and Communication",
    "Military and Protective Services",
    "Operations", "Product Management", "Program and Project Management", "Purchasing", "Quality Assurance",
    "Real Estate", "Research", "Sales", "Customer Success and Support",
)  # fmt: skip
INDUSTRIES = (
    "Software Development",
    "Financial Services",
    "Hospitals and Health Care",
    "Machinery Manufacturing",
    "IT Services and IT Consulting",
    "Advertising Services",
    "Retail",
    "Telecommunications",
    "Insurance",
    "Higher Education",
    "Biotechnology Research",
    "Truck Transportation",
    "Utilities",
    "Construction",
)
TITLES = (
    "Software Engineer", "Chief Financial Officer", "Marketing Director", "Head of Operations",
    "Product Manager",
    "Human Resources Manager", "Founder", "Account Executive", "IT Manager", "Data Analyst",
    "Procurement Manager",
    "Chief Technology Officer", "Consultant", "Finance Director",
)  # fmt: skip
COUNTRIES = (
    "United States", "Germany", "United Kingdom", "France", "Netherlands", "India", "Canada", "Spain",
    "Italy",
    "Sweden", "Australia", "Brazil", "Poland", "Ireland",
)  # fmt: skip
REGIONS = (
    "Greater London, England, United Kingdom", "Berlin, Germany", "San Francisco Bay Area", "Greater Paris",
    "Amsterdam Area", "New York City Metropolitan Area", "Bavaria, Germany", "Greater Toronto Area, Canada",
    "Greater Madrid", "Stockholm County, Sweden", "Sydney, New South Wales, Australia", "Dublin, Ireland",
)  # fmt: skip
