package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = ".."

// files returns the paths below the root whose name ends so.
func files(t *testing.T, suffix string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, suffix):
			paths = append(paths, path)
		}
		return nil
	}))
	return paths
}

// texts are the documents by their path.
func texts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range files(t, ".md") {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		all[path] = string(raw)
	}
	require.Greater(t, len(all), 10)
	return all
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unslug  = regexp.MustCompile(`[^a-z0-9 _-]`)
	code    = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
)

// anchors are the names by which a document's headings are linked to.
func anchors(text string) (names []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		names = append(names, strings.ReplaceAll(unslug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return names
}

func TestEveryRelativeLinkLeadsSomewhere(t *testing.T) {
	found, all := 0, texts(t)
	for path, text := range all {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			found++
			name, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if name != "" {
				target = filepath.Join(filepath.Dir(path), name)
				require.FileExists(t, target, "a link in %s", path)
			}
			if anchor != "" {
				require.Contains(t, anchors(all[target]), anchor, "a link in %s", path)
			}
		}
	}
	require.Greater(t, found, 10)
}

var (
	goCommand = regexp.MustCompile("\\bgo (?:-C (\\w+) )?(?:run|test|build|vet|doc) ([^`\n]*)")
	quoted    = regexp.MustCompile("`([^`\n]+)`")
	inside    = regexp.MustCompile(`^(\.ci|bench|bus|cmd|docs|internal|node|notify|p2pworker|wallet)/[\w./-]*$`)
)

func TestCommandsNamePackagesThatExist(t *testing.T) {
	found := 0
	for path, text := range texts(t) {
		for _, m := range goCommand.FindAllStringSubmatch(text, -1) {
			for _, word := range strings.Fields(m[2]) {
				if folder, ok := strings.CutPrefix(strings.TrimRight(word, ".,;:)"), "./"); ok {
					found++
					require.DirExists(t, filepath.Join(root, m[1], strings.TrimSuffix(folder, "/")), "%q in %s", m[0], path)
				}
			}
		}
	}
	require.Greater(t, found, 10)
}

func TestQuotedPathsExist(t *testing.T) {
	found := 0
	for path, text := range texts(t) {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if name := strings.TrimRight(m[1], "./"); inside.MatchString(name) {
				found++
				_, err := os.Stat(filepath.Join(root, name))
				require.NoError(t, err, "a path in %s", path)
			}
		}
	}
	require.Greater(t, found, 50)
}

var (
	testName = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`)
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// What is named may be the beginning of several names, as -run and -skip take it.
func TestNamedTestsExist(t *testing.T) {
	var there []string
	for _, path := range files(t, "_test.go") {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range testFunc.FindAllSubmatch(raw, -1) {
			there = append(there, string(m[1]))
		}
	}
	found := 0
	for path, text := range texts(t) {
		for _, name := range testName.FindAllString(text, -1) {
			found++
			exists := slices.ContainsFunc(there, func(test string) bool { return strings.HasPrefix(test, name) })
			require.True(t, exists, "%s in %s", name, path)
		}
	}
	require.Greater(t, found, 2)
}
