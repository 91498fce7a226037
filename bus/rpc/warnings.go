package rpc

// Warnings is what a result shows of warnings: all of them, or only the last one, as
// Bitcoin Core did before 28.0 (-deprecatedrpc=warnings).
func Warnings(all []string, last bool) any {
	switch {
	case !last && all == nil:
		return []string{}
	case !last:
		return all
	case len(all) == 0:
		return ""
	}
	return all[len(all)-1]
}
