package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	diagram   = regexp.MustCompile("(?s)```mermaid\n(.*?)```")
	camel     = regexp.MustCompile(`\b[A-Za-z]*[a-z][A-Z][A-Za-z]*\b`)
	qualified = regexp.MustCompile(`^[A-Za-z]+(?:\.[A-Za-z]+)*$`)
	word      = regexp.MustCompile(`\w+`)
)

// TestTheArchitectureNamesWhatIsThere: a type or function that is renamed is
// renamed in docs/architecture.md and CONTRIBUTING.md, too.
func TestTheArchitectureNamesWhatIsThere(t *testing.T) {
	there := map[string]bool{"sequenceDiagram": true}
	for _, path := range files(t, ".go") {
		if strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "cmd/internal/imports") {
			continue
		}
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, w := range word.FindAllString(string(raw), -1) {
			there[w] = true
		}
	}
	found := 0
	for _, path := range []string{"architecture.md", "../CONTRIBUTING.md"} {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		var names []string
		for _, m := range diagram.FindAllStringSubmatch(string(raw), -1) {
			names = append(names, camel.FindAllString(m[1], -1)...)
		}
		for _, m := range quoted.FindAllStringSubmatch(string(raw), -1) {
			name, _, _ := strings.Cut(m[1], "(")
			if qualified.MatchString(name) {
				names = append(names, strings.Split(name, ".")...)
			}
		}
		for _, name := range names {
			if name == "Skip" || name == "grep" || name == "md" || name == "go" || strings.ToUpper(name) == name {
				continue
			}
			found++
			require.True(t, there[name], "%s in %s", name, path)
		}
	}
	require.Greater(t, found, 150)
}
