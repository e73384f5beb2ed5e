list modelpools --json
