"""The values that the fields of an entry may have."""


def _values(text: str) -> frozenset[str]:
    return frozenset(" ".join(text.split()).split(", "))


GENRES = _values(
    """action, adventure, platformer, shooter, shoot 'em up, first-person, beat 'em up, fighting,
    hack and slash, stealth, horror, survival, role-playing, tactics, strategy, real-time strategy,
    turn-based strategy, 4X, tower defence, management, city building, simulation, life simulation,
    flight, racing, sports, puzzle, point-and-click, text adventure, visual novel,
    walking simulator, metroidvania, roguelike, open world, sandbox, card game, board game, music,
    party, maze, pinball, trivia, rail shooter, run and gun, light gun, vehicular combat,
    educational, interactive film, multiplayer, farming, crafting, deck-building,
    dungeon crawler"""
)

PLATFORMS = _values(
    """PC, Mac, Linux, DOS, iOS, Android, Web, Arcade, Atari 2600, Atari 5200, Atari 7800,
    Atari 8-bit, Atari ST, Atari Lynx, Atari Jaguar, Intellivision, ColecoVision, Vectrex,
    Magnavox Odyssey 2, Apple II, Commodore 64, VIC-20, Amiga, CD32, ZX Spectrum, Amstrad CPC,
    BBC Micro, MSX, TRS-80, PC-88, PC-98, X68000, FM Towns, NES, Famicom Disk System, SNES,
    Nintendo 64, GameCube, Wii, Wii U, Nintendo Switch, Nintendo Switch 2, Game Boy,
    Game Boy Color, Game Boy Advance, Nintendo DS, Nintendo 3DS, Virtual Boy, Game & Watch,
    Master System, Game Gear, Sega Genesis, Sega CD, 32X, Sega Saturn, Dreamcast, TurboGrafx-16,
    TurboGrafx-CD, Neo Geo, Neo Geo Pocket, WonderSwan, 3DO, CD-i, PlayStation, PlayStation 2,
    PlayStation 3, PlayStation 4, PlayStation 5, PSP, PlayStation Vita, Xbox, Xbox 360, Xbox One,
    Xbox Series X/S, N-Gage, Meta Quest, Stadia, Mainframe"""
)
"""`DOS` is for releases that run on it, `PC` for Windows."""

ADVERTISING = _values(
    """immersive, stunning, epic, beloved, masterpiece, iconic, ultimate, legendary, classic,
    unforgettable, addictive, thrilling, breathtaking, acclaimed, groundbreaking"""
)
"""Words that praise a game instead of telling what it is."""
