package p2pworker

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every stream that a session may ask for has a function here that adds its
// items up.
func TestEveryStreamIsGathered(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../bus/msg/p2p/methods.go", nil, 0)
	require.NoError(t, err)
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		kind, ok := spec.Type.(*ast.IndexListExpr)
		require.True(t, ok, "every name has a type")
		if kind.X.(*ast.Ident).Name == "Stream" {
			found++
			name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			require.Contains(t, streams, name)
		}
		return true
	})
	require.NotZero(t, found)
}
