package cli_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWordsBecomeParameters(t *testing.T) {
	s := newServer(t, http.StatusOK, result("null"))
	for _, tc := range []struct{ words, params string }{
		{"unknown", `[]`},
		{"unknown 1 {} a=b", `["1","{}","a=b"]`},
		{"echo 1 null", `["1","null"]`},
		{"echo 1 2 3", `["1","2","3"]`},
		{`echojson {"a":[1.10000000,"<&>"]} null`, `[{"a":[1.10000000,"<&>"]},null]`},
		{"generatetoaddress 1 2 3", `[1,"2",3]`},
		{"generatetoaddress 1 2 3 4", `[1,"2",3,"4"]`},
		{"open p m 7", `["p","m",7]`},
		{"open p m 00ff", `["p","m","00ff"]`},
		{`open p m 1 {"deep":true}`, `["p","m",1,{"deep":true}]`},
		{"open a=b how=c", `["a=b","how=c"]`},

		{"-named unknown", `{}`},
		{"-named unknown a=1 b=x=y", `{"a":"1","b":"x=y"}`},
		{"-named unknown 1 a=1 2", `{"a":"1","args":["1","2"]}`},
		{"-named echo arg0=0 arg1=1 arg0=2", `{"arg0":"2","arg1":"1"}`},
		{"-named echojson arg1=[1,2] 3", `{"arg1":[1,2],"args":[3]}`},
		{`-named echojson ["a=b"] arg1=4`, `{"arg1":4,"args":[["a=b"]]}`},
		{"-named echojson a=b", `{"a":"b"}`},
		{"-named generatetoaddress maxtries=5 1 address=x", `{"maxtries":5,"address":"x","args":[1]}`},
		{"-named open a=b how=c until=d deep=true", `{"how":"c","until":"d","deep":true,"args":["a=b"]}`},
		{"-named open until=5 path=a=b", `{"until":5,"path":"a=b"}`},
		{"-named open a=b c=d", `{"c":"d","args":["a=b"]}`},
		{"-named echo args=x y", `{"args":"x","args":["y"]}`},
		{"-named=0 open path=x", `["path=x"]`},
		{"-nonamed open path=x", `["path=x"]`},
	} {
		o := s.run("", strings.Fields(tc.words)...)
		require.Equal(t, outcome{}, o, tc.words)
		require.Equal(t, tc.params, string(s.last().call(t).Params), tc.words)
	}
}

func TestWordsThatShouldBeJSON(t *testing.T) {
	s := newServer(t, http.StatusOK, result("null"))
	for words, fault := range map[string]string{
		"echojson foo":                          "foo",
		"echojson 01":                           "01",
		"generatetoaddress x y":                 "x",
		"-named generatetoaddress nblocks=":     "",
		"-named echojson 1 arg1={":              "{",
		"-named open x deep=y":                  "y",
		"-named walletpassphrase pass long":     "long",
		"-named walletpassphrase a=b timeout=-": "-",
	} {
		o := s.run("", strings.Fields(words)...)
		require.Equal(t, outcome{status: 1, stderr: "error: Error parsing JSON: " + fault + "\n"}, o, words)
	}
	require.Empty(t, s.requests(), "nothing is sent of a command that cannot be read")
}
