package version

import (
	"runtime/debug"
	"strings"
)

// Number is the version of the release that this source is, or leads to. It is
// what peers are shown (BIP14). A release is tagged "v" + Number.
const Number = "0.1.0"

// Reference is the version of Bitcoin Core whose behaviour this source has. Programs
// tell by it what a node can do: getnetworkinfo tells it as a number, and peers are
// shown it before Number, as by other nodes of its family.
const Reference = "31.99.0"

// revisionLength is how many characters of a commit are shown, as in the
// pseudo-versions of Go modules.
const revisionLength = 12

// Text is Number alone for a build of the tagged release, or of source whose
// origin is not known, as with go run. Otherwise the commit follows, and
// "dirty" if files had changed since: 0.1.0-0123456789ab-dirty.
func Text() string {
	info, known := debug.ReadBuildInfo()
	if !known {
		return Number
	}
	return describe(info)
}

func describe(info *debug.BuildInfo) string {
	module, dirty := strings.CutSuffix(info.Main.Version, "+dirty")
	revision := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			dirty = dirty || s.Value == "true"
		}
	}
	if revision == "" {
		revision = pseudoRevision(module)
	}
	text := Number
	if revision != "" && module != "v"+Number {
		text += "-" + revision[:min(len(revision), revisionLength)]
	}
	if dirty {
		text += "-dirty"
	}
	return text
}

// pseudoRevision returns the commit that a pseudo-version ends with
// (v0.0.0-20060102150405-0123456789ab), "" if the version is another.
func pseudoRevision(version string) string {
	parts := strings.Split(version, "-")
	last := parts[len(parts)-1]
	if len(parts) < 3 || len(last) != revisionLength || strings.Trim(last, "0123456789abcdef") != "" {
		return ""
	}
	return last
}
