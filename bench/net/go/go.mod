module millrace.test/net

go 1.21
