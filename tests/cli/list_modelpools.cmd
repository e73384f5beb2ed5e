list modelpools
